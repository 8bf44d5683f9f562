// A server of the 2026-07-28 revision by the reference SDK (@modelcontextprotocol/server): modern.mjs WHERE-IT-IS-INSTALLED [PORT]
import { createRequire } from 'node:module';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [where, port] = process.argv.slice(2);
const require = createRequire(path.join(where, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const sdk = await load('@modelcontextprotocol/server');
const { z } = await load('zod');

function make() {
    const server = new sdk.McpServer({ name: 'modern', version: '1' });
    server.registerTool('add', { description: 'Adds.', inputSchema: z.object({ a: z.number(), b: z.number() }) },
        async ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }));
    server.registerResource('one', 'note://one', { description: 'the first' },
        async (uri) => ({ contents: [{ uri: uri.href, text: 'what stands in it' }] }));
    return server;
}

if (port) {
    const handler = sdk.createMcpHandler(make);
    http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const answer = await handler.fetch(new Request(`http://127.0.0.1:${port}${request.url}`,
            { method: request.method, headers: request.headers, body: chunks.length ? Buffer.concat(chunks) : undefined }));
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
    }).listen(Number(port), '127.0.0.1');
} else {
    const { serveStdio } = await load('@modelcontextprotocol/server/stdio');
    await serveStdio(make);
}
