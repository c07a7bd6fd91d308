/** Time the browser needs to begin reading a saved file. */
const KEEP_MS = 60_000;

/** Writes a file to the person's downloads. Its type is hidden, so that no browser opens it instead. */
export function saveBlob(data: Blob, name: string): void {
  const url = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.rel = "noopener";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/** Bytes the site uses and may use; zeros if the browser does not tell. */
export async function estimateSite(): Promise<{ readonly used: number; readonly max: number }> {
  const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
  return { used: estimate?.usage ?? 0, max: estimate?.quota ?? 0 };
}
