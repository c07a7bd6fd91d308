import type { ButtonHTMLAttributes, Ref } from "react";
import type { LucideIcon } from "lucide-react";
import { classNames } from "./class_names";
import css from "./IconButton.module.css";

export interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "aria-label" | "children"> {
  /** What it does: read aloud, and shown on hover. */
  readonly label: string;
  readonly icon: LucideIcon;
  /** The icon points along the line of text (back, send, reply). */
  readonly mirrored?: boolean;
  readonly tone?: "plain" | "accent" | "danger";
  readonly iconSize?: number;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, icon: Icon, mirrored, tone = "plain", iconSize = 22, className, type = "button", ...rest }: IconButtonProps) {
  return (
    <button title={label} {...rest} type={type} aria-label={label} className={classNames(css.button, css[tone], className)}>
      <Icon size={iconSize} aria-hidden="true" className={mirrored ? "mirrored" : undefined} />
    </button>
  );
}
