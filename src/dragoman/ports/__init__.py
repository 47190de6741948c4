"""What the gateway needs from the outside, as Protocols; adapters live one level up.

Everything that does I/O, reads a clock or keeps a secret stands behind one of these, so that the
gateway names no adapter and every adapter is held to the same contract test.
"""

from dragoman.policy.routing import Timeouts as Timeouts
from dragoman.ports.agents import Agent as Agent
from dragoman.ports.agents import Card as Card
from dragoman.ports.agents import Endpoint as Endpoint
from dragoman.ports.agents import EndpointAnswer as EndpointAnswer
from dragoman.ports.agents import EndpointCall as EndpointCall
from dragoman.ports.agents import ShownTool as ShownTool
from dragoman.ports.checkup import Checkup as Checkup
from dragoman.ports.clock import Clock as Clock
from dragoman.ports.conversations import Conversation as Conversation
from dragoman.ports.conversations import ConversationStore as ConversationStore
from dragoman.ports.counters import Counters as Counters
from dragoman.ports.jobs import Job as Job
from dragoman.ports.jobs import JobRecord as JobRecord
from dragoman.ports.jobs import JobRun as JobRun
from dragoman.ports.jobs import Jobs as Jobs
from dragoman.ports.jobs import JobState as JobState
from dragoman.ports.jobs import JobWorker as JobWorker
from dragoman.ports.keys import KeyStore as KeyStore
from dragoman.ports.ledger import Ledger as Ledger
from dragoman.ports.ledger import LedgerRow as LedgerRow
from dragoman.ports.ledger import Reservation as Reservation
from dragoman.ports.ledger import Settlement as Settlement
from dragoman.ports.ledger import UsageTotal as UsageTotal
from dragoman.ports.pipe import Pipe as Pipe
from dragoman.ports.pipe import Receiver as Receiver
from dragoman.ports.pool import Pool as Pool
from dragoman.ports.responses import Part as Part
from dragoman.ports.responses import ResponseStore as ResponseStore
from dragoman.ports.responses import StoredItem as StoredItem
from dragoman.ports.responses import StoredResponse as StoredResponse
from dragoman.ports.responses import Window as Window
from dragoman.ports.tokenizer import Tokenizer as Tokenizer
from dragoman.ports.turns import Access as Access
from dragoman.ports.turns import Asked as Asked
from dragoman.ports.turns import Exit as Exit
from dragoman.ports.turns import Journal as Journal
from dragoman.ports.turns import Load as Load
from dragoman.ports.turns import Prepared as Prepared
from dragoman.ports.turns import Streaming as Streaming
from dragoman.ports.turns import TurnReply as TurnReply
from dragoman.ports.turns import TurnUpstream as TurnUpstream
from dragoman.ports.upstream import Body as Body
from dragoman.ports.upstream import Headers as Headers
from dragoman.ports.upstream import Reply as Reply
from dragoman.ports.upstream import Upgraded as Upgraded
from dragoman.ports.upstream import Upstream as Upstream
from dragoman.ports.upstream import UpstreamRequest as UpstreamRequest
from dragoman.ports.vault import Vault as Vault
