import { usePanes } from "./use_width";

/** The heading of a pane: of the page, where the pane is alone on it. */
export function PaneTitle({ className, children }: { readonly className?: string | undefined; readonly children: string }) {
  const Heading = usePanes() === 1 ? "h1" : "h2";
  return <Heading className={className}>{children}</Heading>;
}
