/** What platform/media_upload.ts uses of XMLHttpRequest, which Node does not have, on top of fetch. */
class UploadRequest extends EventTarget {
  readonly upload = new EventTarget();
  status = 0;
  responseText = "";
  #answer = new Headers();
  #method = "";
  #url = "";
  readonly #headers = new Headers();
  readonly #abort = new AbortController();

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers.set(name, value);
  }

  getResponseHeader(name: string): string | null {
    return this.#answer.get(name);
  }

  abort(): void {
    this.#abort.abort();
    this.dispatchEvent(new Event("abort"));
  }

  send(body: Blob): void {
    fetch(this.#url, { method: this.#method, headers: this.#headers, body, signal: this.#abort.signal })
      .then(async (response) => {
        this.status = response.status;
        this.#answer = response.headers;
        this.responseText = await response.text();
        this.dispatchEvent(new Event("load"));
      })
      .catch(() => void (this.#abort.signal.aborted || this.dispatchEvent(new Event("error"))));
  }
}

globalThis.XMLHttpRequest ??= UploadRequest as unknown as typeof XMLHttpRequest;
