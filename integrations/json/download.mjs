#!/usr/bin/env node
// Download URLs with tokens from credhelper, as download.py does: the same for Node, with nothing but
// its own library.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

class Tokens {
  constructor() {
    const stdio = ["pipe", "pipe", "inherit"];
    this.process = spawn("credhelper", ["json"], { stdio });
    this.answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  // Send one request, and return the answer. Requests go one after the other, as answers come.
  async ask(request) {
    this.process.stdin.write(JSON.stringify({ version: 1, ...request }) + "\n");
    const answer = JSON.parse((await this.answers.next()).value);
    if (answer.error) {
      const { message, hint, code } = answer.error;
      throw new Error(`${message} (${hint ?? code})`);
    }
    return answer;
  }

  close() {
    this.process.stdin.end();
  }
}

async function download(tokens, url) {
  let { token } = await tokens.ask({ action: "get", service: url });
  let response = await get(url, token);
  if (response.status === 401) {
    await tokens.ask({ action: "reject", service: url, token });
    ({ token } = await tokens.ask({ action: "get", service: url }));
    response = await get(url, token);
  }
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function get(url, token) {
  return fetch(url, { headers: { Authorization: `Bearer ${token}` }, redirect: "error" });
}

const tokens = new Tokens();
try {
  for (const url of process.argv.slice(2)) {
    process.stdout.write(await download(tokens, url));
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  tokens.close();
}
