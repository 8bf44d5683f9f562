// What the SDKs of MCP see of a gateway: node mcp_client.js stateful|modern BASE TOKEN [TROUPE]; prints JSON. With the program `troupe` by stdio,
// and else over HTTP.
(async () => {
    const [, , revision, base, token, troupe] = process.argv;
    const modern = revision === "modern";
    const {Client} = require(modern ? "@modelcontextprotocol/client" : "@modelcontextprotocol/sdk/client/index.js");
    const {StreamableHTTPClientTransport} = require(modern ? "@modelcontextprotocol/client" : "@modelcontextprotocol/sdk/client/streamableHttp.js");
    const {StdioClientTransport} = require(modern ? "@modelcontextprotocol/client/stdio" : "@modelcontextprotocol/sdk/client/stdio.js");
    const options = modern ? {versionNegotiation: {mode: {pin: "2026-07-28"}}} : {};
    const client = new Client({name: "test", version: "1"}, options);
    await client.connect(troupe
        ? new StdioClientTransport({command: troupe, args: ["mcp", "--url", base], env: {...process.env, TROUPE_TOKEN: token}})
        : new StreamableHTTPClientTransport(new URL(base + "/mcp"), {requestInit: {headers: {Authorization: "Bearer " + token}}}));
    const out = {};
    out.tools = (await client.listTools()).tools.map(tool => tool.name);
    const said = await client.callTool({name: "ask_agent", arguments: {agent: "echo", text: "hello"}});
    out.said = {text: JSON.parse(said.content[0].text).text, isError: said.isError};
    out.service = JSON.parse((await client.callTool({name: "service_say", arguments: {content: {n: 7}}})).content[0].text);
    out.resources = (await client.listResources()).resources.map(resource => resource.uri);
    out.templates = (await client.listResourceTemplates()).resourceTemplates.length;
    out.agent = JSON.parse((await client.readResource({uri: "troupe://agents/echo"})).contents[0].text).name;
    out.document = (await client.readResource({uri: "troupe://knowledge/notes/tides%2F1"})).contents[0].text;
    const found = await client.callTool({name: "search_knowledge", arguments: {namespace: "notes", query: "moon"}});
    out.found = found.structuredContent !== undefined && found.content[0].text.includes("tides/1");
    const wrong = await client.callTool({name: "show_task", arguments: {task: "none"}});
    out.wrong = wrong.isError;
    await client.close();
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });
