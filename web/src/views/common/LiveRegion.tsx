import { Store } from "@/domain/store";
import { useReadable } from "../use_readable";

const said = new Store("");

/** Has screen readers say a sentence (a new message in the open chat, "copied"), without showing it. */
export function announce(sentence: string): void {
  // The same sentence twice would be silent: an invisible difference makes it new.
  said.set(said.get() === sentence ? `${sentence}\u00a0` : sentence);
}

/** Takes away what was said, where it is not for everybody any more. */
export function hush(): void {
  said.set("");
}

export function LiveRegion() {
  return <div className="only-heard" aria-live="polite" role="log" aria-relevant="additions text" data-live-region="">{useReadable(said)}</div>;
}
