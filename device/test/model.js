"use strict";
// A model at the far end of the wire: speaks OpenAI's protocol, and says what it is told to.

const http = require("node:http");

class Model {
  constructor() {
    this.says = "";
    this.asked = []; // what it was shown, request by request
  }

  async start() {
    this.server = http.createServer((request, reply) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => this.answer(reply, JSON.parse(Buffer.concat(parts).toString())));
    });
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/v1`;
    return this;
  }

  answer(reply, body) {
    this.asked.push(body);
    const chunk = (delta, finish = null) => ({
      id: "1",
      object: "chat.completion.chunk",
      created: 1,
      model: body.model,
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    reply.writeHead(200, { "content-type": "text/event-stream" });
    for (const each of [chunk({ role: "assistant", content: this.says }), chunk({}, "stop")])
      reply.write(`data: ${JSON.stringify(each)}\n\n`);
    reply.end("data: [DONE]\n\n");
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

module.exports = { Model };
