// The official `openai` package for Node, unmodified but for `baseURL` and `apiKey`, against a running gateway.
// Its upstreams and models are those of tests/e2e/conftest.py.

import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const MODEL = "gpt-4o-mini";
const STREAMED = "Streaming response to: one two ";
const ECHO = [{ role: "user", content: "one two" }];
const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
    strict: true,
  },
};
const clock = { type: "function", function: { name: "clock", parameters: { type: "object" } } };

function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

// The error of a call, which must be of that very class and name its request.
async function refused(kind, call) {
  let error;
  await assert.rejects(call, (raised) => ((error = raised), true));
  assert.equal(error.constructor, kind);
  assert.equal(error.requestID, error.headers.get("x-request-id"));
  return error;
}

test("buffered", async () => {
  const { data, response, request_id } = await client.chat.completions
    .create({ model: MODEL, messages: [{ role: "user", content: "hello" }] })
    .withResponse();
  assert.equal(data.choices[0].message.content, "Hello! How can I assist you today?");
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get("x-oagw-error-source"), "upstream");
});

test("streamed", async () => {
  const chunks = await all(await client.chat.completions.create({ model: MODEL, messages: ECHO, stream: true }));
  assert.equal(textOf(chunks), STREAMED);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(chunks.filter((chunk) => chunk.choices[0].finish_reason).length, 1);
  const withUsage = await all(
    await client.chat.completions.create({
      model: MODEL, messages: ECHO, stream: true, stream_options: { include_usage: true },
    }),
  );
  assert.equal(withUsage.at(-1).usage.completion_tokens, 5);
});

test("stream helper", async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: ECHO });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  assert.equal(await stream.finalContent(), STREAMED);
  assert.equal(text, STREAMED);
  assert.equal((await stream.finalChatCompletion()).choices[0].finish_reason, "stop");
});

test("tools in two steps", async () => {
  const messages = [{ role: "user", content: "the weather, please" }];
  const first = await client.chat.completions.create({ model: MODEL, messages, tools: [weather] });
  const [call] = first.choices[0].message.tool_calls;
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
  messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sun" });
  const second = await client.chat.completions.create({ model: MODEL, messages, tools: [weather] });
  assert.equal(second.choices[0].message.content, "The tool returned: sun");
});

test("tools run by the SDK", async () => {
  const cities = [];
  const runner = client.chat.completions.runTools({
    model: MODEL,
    stream: true,
    messages: [{ role: "user", content: "the weather, please" }],
    tools: [
      zodFunction({
        name: "get_weather",
        parameters: z.object({ city: z.string() }),
        function: ({ city }) => (cities.push(city), "sun"),
      }),
    ],
  });
  assert.equal(await runner.finalContent(), "The tool returned: sun");
  assert.equal(cities.length, 1);
});

test("parallel tools", async () => {
  const request = { model: MODEL, messages: [{ role: "user", content: "in parallel" }], tools: [weather, clock] };
  const stream = client.chat.completions.stream(request);
  const calls = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => call.function.name), ["get_weather", "clock"]);
  calls.forEach((call) => JSON.parse(call.function.arguments));
});

test("structured output", async () => {
  const Plan = z.object({ title: z.string(), steps: z.array(z.object({ done: z.boolean() })) });
  const request = { model: MODEL, messages: ECHO, response_format: zodResponseFormat(Plan, "plan") };
  const answer = await client.chat.completions.parse(request);
  Plan.parse(answer.choices[0].message.parsed);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  Plan.parse(streamed.choices[0].message.parsed);
});

test("models", async () => {
  const names = (await all(client.models.list())).map((model) => model.id);
  for (const name of ["gpt-4", MODEL, "house-model", "mock-chat/gpt-4"]) assert.ok(names.includes(name), name);
  assert.equal((await client.models.retrieve("mock-chat/gpt-4")).id, "mock-chat/gpt-4");
});

test("embeddings", async () => {
  const answer = await client.embeddings.create({ model: "text-embedding-3-small", input: "one" });
  assert.equal(answer.data[0].embedding.length, 1536);
});

test("files and audio", async () => {
  const bytes = new Uint8Array(100_000).map((_, index) => (index * 7919) % 256);
  const created = await client.files.create({ file: await OpenAI.toFile(bytes, "data.bin"), purpose: "user_data" });
  const content = await client.files.content(created.id);
  assert.deepEqual(new Uint8Array(await content.arrayBuffer()), bytes);
  assert.ok((await client.files.delete(created.id)).deleted);
  const speech = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "say it" });
  const sound = await OpenAI.toFile(await speech.arrayBuffer(), "a.wav");
  const { text } = await client.audio.transcriptions.create({ model: "whisper-1", file: sound });
  assert.match(text, /^Transcription of a\.wav \(\d+ bytes\) by whisper-1\.$/);
});

test("a model answers under the name it was asked by", async () => {
  const request = { model: "house-model", messages: ECHO };
  assert.equal((await client.chat.completions.create(request)).model, "house-model");
  const chunks = await all(await client.chat.completions.create({ ...request, stream: true }));
  assert.deepEqual(new Set(chunks.map((chunk) => chunk.model)), new Set(["house-model"]));
});

test("authentication error", async () => {
  for (const apiKey of ["sk-of-someone-else", `drg_${"x".repeat(49)}`]) {
    const wrong = client.withOptions({ apiKey });
    const error = await refused(OpenAI.AuthenticationError, () => wrong.models.list());
    assert.equal(error.code, "invalid_api_key");
  }
  const headers = { Authorization: null };
  const missing = await refused(OpenAI.AuthenticationError, () => client.models.list({ headers }));
  assert.equal(missing.code, "missing_api_key");
});

test("permission denied error", async () => {
  const scoped = client.withOptions({ apiKey: process.env.SCOPED_KEY });
  assert.ok(await scoped.chat.completions.create({ model: "gpt-4", messages: ECHO }));
  const call = () => scoped.chat.completions.create({ model: MODEL, messages: ECHO });
  assert.equal((await refused(OpenAI.PermissionDeniedError, call)).code, "permission_denied");
});

test("bad request error", async () => {
  for (const [param, request] of [
    ["messages", { model: MODEL }],
    ["model", { messages: ECHO }],
    ["temperature", { model: MODEL, messages: ECHO, temperature: 9 }],
  ]) {
    const error = await refused(OpenAI.BadRequestError, () => client.chat.completions.create(request));
    assert.equal(error.param, param);
  }
});

test("rate limit error", async () => {
  for (const stream of [false, true]) {
    const request = { model: MODEL, messages: [{ role: "user", content: "trigger error" }], stream };
    const error = await refused(OpenAI.RateLimitError, () => client.chat.completions.create(request));
    assert.equal(error.headers.get("retry-after"), "1");
  }
});

test("not found error", async () => {
  const call = () => client.chat.completions.create({ model: "gpt-4o-mni", messages: ECHO });
  const error = await refused(OpenAI.NotFoundError, call);
  assert.equal(error.code, "model_not_found");
  assert.match(error.message, /'gpt-4o-mini'/);
});

test("internal server error", async () => {
  for (const upstream of ["resets", "drops", "dead", "empty"]) {
    const call = () => client.chat.completions.create({ model: `${upstream}/gpt-4`, messages: ECHO, stream: true });
    assert.equal((await refused(OpenAI.InternalServerError, call)).status, 502);
  }
});

test("a cut stream raises", async () => {
  for (const upstream of ["cut", "torn", "breaks"]) {
    const request = { model: `${upstream}/gpt-4`, messages: ECHO };
    const chunks = [];
    await assert.rejects(async () => {
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) chunks.push(chunk);
    }, OpenAI.APIError);
    assert.equal(textOf(chunks), "Streaming response to: ");
    await assert.rejects(() => client.chat.completions.stream(request).finalChatCompletion(), OpenAI.OpenAIError);
  }
});

test("another upstream answers for one that says nothing", async () => {
  for (const upstream of ["resets", "drops", "dead", "fails", "busy", "empty"]) {
    const request = { model: `after-${upstream}`, messages: ECHO, stream: true };
    assert.equal(textOf(await all(await client.chat.completions.create(request))), STREAMED);
  }
});
