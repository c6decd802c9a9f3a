// The Vercel AI SDK through a gateway: node run.mjs KIND MODEL, with GATEWAY_URL and GATEWAY_KEY in the environment.
// Prints one JSON object: the name of each case -> "ok", or what went wrong. tests/e2e/test_vercel.py reads it.
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

const [kind, model] = process.argv.slice(2);
const baseURL = `${process.env.GATEWAY_URL}/v1`;
const apiKey = process.env.GATEWAY_KEY;
const PNG = process.env.TEST_PNG;
const PDF = process.env.TEST_PDF;
globalThis.AI_SDK_LOG_WARNINGS = false;

const makers = {
  openai: () => {
    const provider = createOpenAI({ baseURL, apiKey });
    return { chat: (name) => provider.chat(name), embedding: (name) => provider.embeddingModel(name) };
  },
  responses: () => {
    const provider = createOpenAI({ baseURL, apiKey });
    return { chat: (name) => provider.responses(name) };
  },
  google: () => {
    const provider = createGoogleGenerativeAI({ baseURL: `${process.env.GATEWAY_URL}/v1beta`, apiKey });
    return { chat: (name) => provider(name), embedding: (name) => provider.embeddingModel(name) };
  },
  anthropic: () => {
    const provider = createAnthropic({ baseURL, apiKey });
    return { chat: (name) => provider(name) };
  },
  compatible: () => {
    const provider = createOpenAICompatible({
      name: "gateway",
      baseURL,
      apiKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    return { chat: (name) => provider(name), embedding: (name) => provider.embeddingModel(name) };
  },
};
const { chat, embedding } = makers[kind]();
const base = { model: chat(model), maxRetries: 0, maxOutputTokens: 500 };
const schema = z.object({ name: z.string(), people: z.number().int() });
const tools = {
  weather: tool({
    description: "Weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sun in ${city}`,
  }),
};
const status = async (name, options = {}) => {
  try {
    await generateText({ ...base, ...options, model: chat(name), prompt: "Hi" });
  } catch (error) {
    assert(APICallError.isInstance(error), String(error));
    return error.statusCode;
  }
  return 200;
};

const cases = {
  async whole() {
    const { text, finishReason, usage } = await generateText({ ...base, system: "Be kind.", prompt: "Hello there" });
    assert.match(text, /Hello there/);
    assert.equal(finishReason, "stop");
    assert(usage.inputTokens > 0 && usage.outputTokens > 0);
  },
  async streamed() {
    const whole = await generateText({ ...base, prompt: "Hello there" });
    const result = streamText({ ...base, prompt: "Hello there" });
    let text = "";
    for await (const delta of result.textStream) text += delta;
    assert.equal(text, whole.text);
    assert.equal(await result.finishReason, "stop");
    if (kind !== "openai") assert((await result.usage).outputTokens > 0);
  },
  async tools() {
    const { text, steps } = await generateText({ ...base, tools, stopWhen: stepCountIs(3), prompt: "Please call weather" });
    assert.equal(steps.length, 2);
    assert.equal(steps[0].finishReason, "tool-calls");
    assert.match(text, /The tool said: .*sun in/);
  },
  async streamed_tools() {
    const result = streamText({ ...base, tools, stopWhen: stepCountIs(3), prompt: "Please call weather" });
    const kinds = new Set();
    let text = "";
    for await (const part of result.fullStream) {
      kinds.add(part.type);
      if (part.type === "text-delta") text += part.text;
      assert.notEqual(part.type, "error");
    }
    assert(kinds.has("tool-call") && kinds.has("tool-result"));
    assert.match(text, /The tool said: .*sun in/);
  },
  async parallel_tools() {
    const time = tool({ description: "Time", inputSchema: z.object({ zone: z.string() }), execute: async ({ zone }) => `noon in ${zone}` });
    const both = { ...tools, time };
    const result = streamText({ ...base, tools: both, stopWhen: stepCountIs(3), prompt: "Please call weather and call time" });
    await result.consumeStream({ onError(error) { throw error; } });
    const steps = await result.steps;
    assert.deepEqual(steps[0].toolCalls.map((call) => call.toolName), ["weather", "time"]);
    assert.match(await result.text, /sun in/);
    assert.match(await result.text, /noon in/);
  },
  async several_turns() {
    // Of the Responses API the package sends its earlier answers as references to items.
    const first = await generateText({ ...base, prompt: "Hello there" });
    const messages = [{ role: "user", content: "Hello there" }, ...first.response.messages, { role: "user", content: "And now?" }];
    const { text } = await generateText({ ...base, messages });
    assert.match(text, /And now\?/);
  },
  async streamed_object() {
    const result = streamObject({ ...base, schema, prompt: "A city" });
    let last;
    for await (const partial of result.partialObjectStream) last = partial;
    assert.deepEqual(await result.object, last);
  },
  async forced_tool() {
    const { toolCalls } = await generateText({
      ...base,
      tools: { weather: tools.weather },
      toolChoice: { type: "tool", toolName: "weather" },
      prompt: "Hi",
    });
    assert.equal(toolCalls[0].toolName, "weather");
  },
  async image() {
    const content = [
      { type: "text", text: "Look" },
      { type: "image", image: PNG, mediaType: "image/png" },
    ];
    const { text } = await generateText({ ...base, messages: [{ role: "user", content }] });
    assert.match(text, /I see 1 image/);
  },
  async pdf() {
    if (kind === "compatible") return; // its own package refuses what is no image
    const content = [
      { type: "text", text: "Look" },
      { type: "file", data: PDF, mediaType: "application/pdf", filename: "a.pdf" },
    ];
    const { text } = await generateText({ ...base, messages: [{ role: "user", content }] });
    assert.match(text, /I see 1 file/);
  },
  async object() {
    const { object } = await generateObject({ ...base, schema, prompt: "A city" });
    assert.deepEqual(Object.keys(object).sort(), ["name", "people"]);
  },
  async reasoning() {
    const options = {
      openai: { openai: { reasoningEffort: "low" } },
      compatible: { gateway: { reasoningEffort: "low" } },
      responses: { openai: { reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true, store: false } },
      google: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } } },
      anthropic: { anthropic: { thinking: { type: "enabled", budgetTokens: 2000 } } },
    };
    const ask = { ...base, maxOutputTokens: 4000, prompt: "Think", providerOptions: options[kind] };
    const { text, reasoningText } = await generateText(ask);
    assert.match(text, /Think/);
    if (kind === "openai") return; // its package shows no reasoning of chat completions
    assert.match(reasoningText, /A plain answer will do/);
    const result = streamText(ask);
    await result.consumeStream();
    assert.equal(await result.reasoningText, reasoningText);
  },
  async stop_sequences() {
    if (kind === "responses") return; // the API has none
    const { text } = await generateText({ ...base, stopSequences: ["model"], prompt: "Hi" });
    assert.equal(text.trim(), "I am a simulated");
  },
  async length() {
    const { finishReason } = await generateText({ ...base, maxOutputTokens: 3, prompt: "Hi" });
    assert.equal(finishReason, "length");
  },
  async errors() {
    const overloaded = kind === "anthropic" ? 529 : 503;
    assert.equal(await status(`${model}-400`), 400);
    assert.equal(await status(`${model}-429`), 429);
    assert.equal(await status(`${model}-500`), 502);
    assert.equal(await status(`${model}-503`), overloaded);
    assert.equal(await status("no-such-model"), 404);
  },
  async cut_stream() {
    const result = streamText({ ...base, model: chat(`${model}-cut`), prompt: "Hi [tokens=40]", onError() {} });
    const kinds = [];
    let reason;
    for await (const part of result.fullStream) {
      kinds.push(part.type);
      if (part.type === "finish") reason = part.finishReason;
    }
    if (kind !== "responses") assert(kinds.includes("text-delta")); // its first events alone are longer than what comes
    assert(kinds.includes("error"), `no error among ${[...new Set(kinds)]}`);
    assert.notEqual(reason, "stop");
  },
  async abort() {
    const abortSignal = AbortSignal.timeout(300);
    const asked = generateText({ ...base, model: chat(`oai/gpt-sim@@slow_headers:secs=5`), prompt: "Hi", abortSignal });
    await assert.rejects(asked);
  },
  async embeddings() {
    if (!embedding) return;
    const { embeddings } = await embedMany({ model: embedding("embed"), values: ["a", "b"], maxRetries: 0 });
    assert.equal(embeddings.length, 2);
    assert.equal(typeof embeddings[0][0], "number");
  },
};

const told = {};
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    told[name] = "ok";
  } catch (error) {
    told[name] = `${error?.stack ?? error}`.slice(0, 800);
  }
}
console.log(JSON.stringify(told));
process.exit(0);
