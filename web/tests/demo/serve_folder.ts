import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json", ".wasm": "application/wasm" };

/** Answers a request itself, or says that it does not. */
export type Takes = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Gives out a folder on a free port of this machine, but for what `takes` answers. */
export async function serveFolder(folder: string, headers: Readonly<Record<string, string>>, takes: Takes = () => false): Promise<Served> {
  const server = createServer((request, response) => {
    if (takes(request, response)) return;
    const path = normalize(new URL(request.url ?? "/", "http://demo").pathname);
    const file = join(folder, path === "/" ? "index.html" : path);
    readFile(file).then(
      (bytes) => response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/`, close: () => new Promise((done) => { server.close(() => done()); server.closeAllConnections(); }) };
}
