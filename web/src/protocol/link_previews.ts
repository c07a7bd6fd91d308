import { type MatrixClient, Method } from "matrix-js-sdk";
import { type LinkPreview, parseLinkPreview } from "@/domain/link_preview";

const KEPT_MAX = 200;
const V1 = { prefix: "/_matrix/client/v1" };

/** What linked pages say of themselves: the server looks them up, so that this device tells them nothing. Asked once for each page. */
export function buildLinkPreviews(client: MatrixClient): (url: string) => Promise<LinkPreview | undefined> {
  const known = new Map<string, Promise<LinkPreview | undefined>>();
  return (url) => {
    let preview = known.get(url);
    if (!preview) {
      preview = client.http.authedRequest(Method.Get, "/media/preview_url", { url }, undefined, V1).then(parseLinkPreview);
      // What failed may be asked for again.
      preview.catch(() => known.delete(url));
      known.set(url, preview);
      const oldest = known.keys().next().value;
      if (known.size > KEPT_MAX && oldest !== undefined) known.delete(oldest);
    }
    return preview;
  };
}
