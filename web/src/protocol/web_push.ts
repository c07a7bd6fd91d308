import { type MatrixClient, Method } from "matrix-js-sdk";
import type { WebPushSubscription } from "@/domain/notifications";
import { Problem } from "@/domain/problem";
import { readRecord, readString } from "@/domain/untrusted";
import { ask } from "./failures";

/** A pusher for this browser at the server's own push gateway: what it passes on is a room, an event and a number, never words. */
export async function registerPusher(client: MatrixClient, { endpoint, publicKey, auth }: WebPushSubscription, language: string): Promise<void> {
  const { url, appId } = await loadGateway(client);
  await ask(
    client.setPusher({
      kind: "http",
      app_id: appId,
      pushkey: publicKey,
      app_display_name: "Zajil",
      device_display_name: (await client.getDevice(client.getDeviceId() ?? "").catch(() => undefined))?.display_name ?? "Zajil",
      lang: language,
      // The other accounts of this browser share its subscription.
      append: true,
      data: { url, endpoint, auth } as never,
    }),
  );
}

export async function unregisterPusher(client: MatrixClient, publicKey: string): Promise<void> {
  const { appId } = await loadGateway(client);
  await ask(client.http.authedRequest(Method.Post, "/pushers/set", undefined, { kind: null, app_id: appId, pushkey: publicKey }));
}

async function loadGateway(client: MatrixClient): Promise<{ readonly url: string; readonly appId: string }> {
  const answer = readRecord(await ask(client.http.request<unknown>(Method.Get, "/key", undefined, undefined, { prefix: "/_zajil/web_push" })));
  const url = readString(answer, "url");
  const appId = readString(answer, "app_id");
  if (url === undefined || appId === undefined) throw new Problem("push_unsupported");
  return { url, appId };
}
