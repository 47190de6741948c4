"""The configuration: typed settings from layered mappings, every error naming its key.

It reads nothing itself; `gateway/settings.py` hands it what the file, `.env`, the environment and the
flags say, lowest layer first. An unknown key is an error with a suggestion.
"""

from dragoman.config.agents import AgentConfig as AgentConfig
from dragoman.config.agents import AgentTimeouts as AgentTimeouts
from dragoman.config.agents import model_of as model_of
from dragoman.config.aliases import AliasConfig as AliasConfig
from dragoman.config.checks import RESERVED as RESERVED
from dragoman.config.checks import check_endpoint as check_endpoint
from dragoman.config.checks import check_name as check_name
from dragoman.config.commands import CommandConfig as CommandConfig
from dragoman.config.commands import CommandTimeouts as CommandTimeouts
from dragoman.config.commands import WorkspaceConfig as WorkspaceConfig
from dragoman.config.models import ModelConfig as ModelConfig
from dragoman.config.reading import Loaded as Loaded
from dragoman.config.reading import parse as parse
from dragoman.config.reading import schema as schema
from dragoman.config.root import Config as Config
from dragoman.config.root import made as made
from dragoman.config.sections import JobsConfig as JobsConfig
from dragoman.config.sections import LogConfig as LogConfig
from dragoman.config.sections import ServerConfig as ServerConfig
from dragoman.config.sections import StoreConfig as StoreConfig
from dragoman.config.sections import TimeoutsConfig as TimeoutsConfig
from dragoman.config.upstreams import UpstreamConfig as UpstreamConfig
from dragoman.config.upstreams import endpoints_of as endpoints_of
from dragoman.policy.precedence import Layer as Layer
from dragoman.policy.precedence import Tree as Tree
