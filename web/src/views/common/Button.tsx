import type { ButtonHTMLAttributes, Ref } from "react";
import type { LucideIcon } from "lucide-react";
import { classNames } from "./class_names";
import css from "./Button.module.css";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly variant?: "primary" | "secondary" | "quiet" | "danger";
  readonly icon?: LucideIcon;
  /** What is going on while the button waits; it takes no click meanwhile. */
  readonly busy?: string | false;
  readonly wide?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({ variant = "secondary", icon: Icon, busy, wide, className, children, disabled, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled}
      aria-disabled={busy ? true : undefined}
      onClick={busy ? (event) => event.preventDefault() : rest.onClick}
      className={classNames(css.button, css[variant], wide && css.wide, className)}
    >
      {busy ? <span className={css.wheel} aria-hidden="true" /> : Icon && <Icon size={18} aria-hidden="true" />}
      <span aria-live="polite">{busy || children}</span>
    </button>
  );
}
