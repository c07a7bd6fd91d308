import { fileURLToPath } from "node:url";
import { serveBuilt } from "../demo/serve_demo.ts";
import type { Served } from "../demo/serve_folder.ts";
import { type MediaServerState, takeMedia } from "./media_server.ts";

/** Builds the demo page and serves it with the media of a server, on a free port of this machine. */
export async function serveDemo(): Promise<Served & { readonly state: MediaServerState }> {
  const state: MediaServerState = { files: new Map(), failures: [], requests: [] };
  return { ...(await serveBuilt(fileURLToPath(new URL(".", import.meta.url)), {}, takeMedia(state))), state };
}
