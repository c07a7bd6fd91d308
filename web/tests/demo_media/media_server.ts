import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Takes } from "../demo/serve_folder.ts";

interface Stored {
  readonly body: Buffer;
  readonly type: string;
}

export interface MediaServerState {
  readonly files: Map<string, Stored>;
  /** Answers to give to the next uploads instead of storing them: HTTP statuses. */
  readonly failures: number[];
  readonly requests: string[];
}

export const TOKEN = "a-token";
export const SIZE_MAX = 50 * 1024 * 1024;

/** The media endpoints of the client-server API, in memory, for the page's own server: the same origin, as in production. */
export function takeMedia(state: MediaServerState): Takes {
  return (request, response) => {
    if (!request.url?.startsWith("/_matrix/")) return false;
    // An upload that is given up ends in the middle.
    answer(state, request, response).catch(() => response.destroy());
    return true;
  };
}

async function answer(state: MediaServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").split("?")[0]!;
  state.requests.push(`${request.method} ${request.url}`);
  const json = (status: number, body: unknown): void => void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return json(401, { errcode: "M_MISSING_TOKEN" });
  if (path === "/_matrix/client/v1/media/config") return json(200, { "m.upload.size": SIZE_MAX });
  if (path === "/_matrix/media/v1/create") return json(200, { content_uri: `mxc://demo/${randomUUID()}` });
  const upload = /^\/_matrix\/media\/v3\/upload(?:\/demo\/([\w-]+))?$/.exec(path);
  if (upload) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const status = state.failures.shift();
    if (status) return json(status, { errcode: status === 413 ? "M_TOO_LARGE" : "M_UNKNOWN" });
    const id = upload[1] ?? randomUUID();
    if (state.files.has(id)) return json(409, { errcode: "M_CANNOT_OVERWRITE_MEDIA" });
    state.files.set(id, { body: Buffer.concat(chunks), type: request.headers["content-type"] ?? "" });
    return json(200, { content_uri: `mxc://demo/${id}` });
  }
  const download = /^\/_matrix\/client\/v1\/media\/(?:download|thumbnail)\/demo\/([\w-]+)$/.exec(path);
  const file = download && state.files.get(download[1]!);
  if (!file) return json(404, { errcode: "M_NOT_FOUND" });
  response.writeHead(200, { "Content-Type": file.type, "Content-Length": file.body.length }).end(file.body);
}
