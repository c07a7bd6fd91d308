import { useId, type ReactNode } from "react";
import { Switch as Radix } from "radix-ui";
import css from "./Switch.module.css";

export interface SwitchProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onCheckedChange: (checked: boolean) => void;
}

/** A whole row: the text switches too. */
export function Switch({ label, hint, checked, disabled, onCheckedChange }: SwitchProps) {
  const id = useId();
  return (
    <div className={css.row}>
      <label htmlFor={id} className={css.label}>
        <span>{label}</span>
        {hint && <span className={css.hint} id={`${id}-hint`}>{hint}</span>}
      </label>
      <Radix.Root id={id} className={css.switch} checked={checked} disabled={disabled} onCheckedChange={onCheckedChange} aria-label={label} aria-describedby={hint ? `${id}-hint` : undefined}>
        <Radix.Thumb className={css.thumb} />
      </Radix.Root>
    </div>
  );
}
