/** A name or message of somebody: isolated, so that its direction changes nothing around it. */
export function PersonText({ children, className }: { readonly children: string; readonly className?: string }) {
  return <bdi className={className}>{children}</bdi>;
}
