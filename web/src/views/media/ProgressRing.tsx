import css from "./ProgressRing.module.css";

const RADIUS = 18;
const LENGTH = 2 * Math.PI * RADIUS;

/** A ring that fills; it turns while how much there is to do is not known. `label` says what is being waited for. */
export function ProgressRing({ value, label }: { readonly value: number | undefined; readonly label: string }) {
  const share = value === undefined ? 0.25 : Math.max(0.03, Math.min(1, value));
  const known = value === undefined ? {} : { "aria-valuenow": Math.round(value * 100) };
  return (
    <span className={css.ring} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} {...known}>
      <svg viewBox="0 0 44 44" className={value === undefined ? css.turning : css.still} aria-hidden="true">
        <circle cx="22" cy="22" r={RADIUS} className={css.track} />
        <circle cx="22" cy="22" r={RADIUS} className={css.value} strokeDasharray={LENGTH} strokeDashoffset={LENGTH * (1 - share)} />
      </svg>
    </span>
  );
}
