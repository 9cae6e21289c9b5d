// Shows the server's machine-readable descriptions in a form for people.

import { byId } from "./page.js";
import { at } from "./root.js";

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Text in which parts between backticks are code.
function words(text) {
  return text.split("`").map((part, number) => (number % 2 === 0 ? part : element("code", {}, part)));
}

// Paragraphs; lines that begin with a dash are a list.
function prose(paragraphs) {
  return paragraphs.map((paragraph) => {
    const lines = paragraph.split("\n");
    if (!lines.every((line) => line.startsWith("- "))) return element("p", { className: "text" }, ...words(paragraph));
    return element("ul", { className: "text" }, ...lines.map((line) => element("li", {}, ...words(line.slice(2)))));
  });
}

const nameIn = (reference) => reference.$ref.split("/").at(-1);

// A short description of a schema, in one line where that is possible.
function kind(schema, schemas) {
  if (schema === undefined) return "anything";
  if (schema.$ref !== undefined) return kind(schemas[nameIn(schema)], schemas);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map((one) => kind(one, schemas)))].join(" | ");
  const limits = [];
  if (schema.minLength !== undefined || schema.maxLength !== undefined) limits.push(`${schema.minLength ?? 0} to ${schema.maxLength ?? "any"} characters`);
  if (schema.minimum !== undefined || schema.maximum !== undefined) limits.push(`${schema.minimum ?? "any"} to ${schema.maximum ?? "any"}`);
  if (schema.maxItems !== undefined) limits.push(`at most ${schema.maxItems}`);
  const base = schema.type === "array" ? `list of ${kind(schema.items, schemas)}` : schema.type ?? "anything";
  return limits.length === 0 ? base : `${base} (${limits.join(", ")})`;
}

function fields(schema, schemas) {
  const whole = schema.$ref === undefined ? schema : schemas[nameIn(schema)];
  const required = new Set(whole.required ?? []);
  const lines = Object.entries(whole.properties ?? {}).map(([name, field]) => {
    const default_ = field.default === undefined || field.const !== undefined ? "" : ` = ${JSON.stringify(field.default)}`;
    return `  ${name}${required.has(name) || field.const !== undefined ? "" : "?"}: ${kind(field, schemas)}${default_}`;
  });
  return lines.length === 0 ? kind(whole, schemas) : `{\n${lines.join("\n")}\n}`;
}

function messageEntry(message, schemas) {
  return element(
    "details",
    { className: "message" },
    element("summary", {}, element("code", {}, message.name), " ", ...words(message.description.split("\n\n")[0])),
    ...prose(message.description.split("\n\n").slice(1)),
    element("pre", {}, fields(message.payload, schemas)),
  );
}

function channelCard(name, channel, described) {
  const { messages, schemas } = described.components;
  const sent = (action) => described.operations[`${name}.${action}`].messages.map((one) => messages[nameIn(one)]);
  // The page says once what a plain text is, and does not list it in each channel.
  const list = (title, action) => {
    const typed = sent(action).filter((message) => message.contentType !== "text/plain");
    return typed.length === 0 ? [] : [element("h3", {}, title), ...typed.map((message) => messageEntry(message, schemas))];
  };
  const [first, ...rest] = channel.description.split("\n\n");
  return element(
    "details",
    { className: "message" },
    element("summary", {}, element("code", {}, channel.address), " ", ...words(first.replace(/^`[^`]*`: /, ""))),
    ...prose(rest),
    ...list("A client sends", "receive"),
    ...list("and gets", "send"),
  );
}

function pathCard(path, method, operation) {
  return element(
    "details",
    { className: "message" },
    element("summary", {}, element("code", {}, `${method.toUpperCase()} ${path}`), " ", ...words((operation.description ?? operation.summary ?? "").split("\n\n")[0])),
    element("pre", {}, JSON.stringify({ parameters: operation.parameters, body: operation.requestBody?.content }, null, 2)),
  );
}

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

try {
  const [channels, rest] = await Promise.all([json(at("/asyncapi.json")), json(at("/openapi.json"))]);
  byId("about").append(...prose(channels.info.description.split("\n\n")));
  byId("channels").append(...Object.entries(channels.channels).map(([name, channel]) => channelCard(name, channel, channels)));
  byId("paths").append(...Object.entries(rest.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => pathCard(path, method, operation))));
  byId("status").dataset.state = "connected";
  byId("status").textContent = "Complete";
} catch (problem) {
  byId("status").dataset.state = "disconnected";
  byId("status").textContent = `Could not be loaded: ${problem.message}`;
}
