import css from "./Pigeon.module.css";

/** The mark: a pigeon flying forward, whichever way the language reads. */
export function Pigeon({ size = 40 }: { readonly size?: number }) {
  return (
    <span className={css.mark} style={{ inlineSize: `${size / 16}rem`, blockSize: `${size / 16}rem` }} aria-hidden="true">
      <svg viewBox="0 0 48 48" className="mirrored" width="68%" height="68%" fill="currentColor" focusable="false">
        <path d="M45 15.5c-2.2-.2-3-.9-3.9-2.4C39.700 10.800 37.600 9.600 35.200 9.600c-3.900 0-6.700 2.900-7.500 6.600L12.900 5.100c-.9-.7-2.100.2-1.800 1.300 1.500 5.800 4.300 10.600 8.500 14.500L5.300 18.600c-1.200-.2-1.900 1.200-1.100 2.100 3.900 4.300 8.900 7.200 14.900 8.600L8.200 36.400c-1 .7-.6 2.200.5 2.400 9.300 1.500 17.200-.2 23.300-5.100 5.200-4.200 7.900-9.700 8.200-15.100 1.500-.6 3.400-1 5-1.300 1.100-.2 1-1.700-.2-1.800Zm-9.200-.5a1.600 1.600 0 1 1 0-3.200 1.600 1.600 0 0 1 0 3.200Z" />
      </svg>
    </span>
  );
}
