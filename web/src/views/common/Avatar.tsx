import { memo, useState } from "react";
import type { MediaSource } from "@/domain/message";
import { classNames } from "./class_names";
import { colourOf, initials } from "./initials";
import { usePicture } from "./picture_context";
import css from "./Avatar.module.css";

export interface AvatarProps {
  /** User or room ID: decides the colour. */
  readonly id: string;
  readonly name: string;
  readonly source?: MediaSource;
  /** Edge in pixels at text size 1. */
  readonly size?: number;
  readonly shape?: "round" | "square";
  readonly className?: string;
}

/** Decoration beside a name: hidden from screen readers, which hear the name itself. */
export const Avatar = memo(function Avatar({ id, name, source, size = 48, shape = "round", className }: AvatarProps) {
  const url = usePicture(source, size * 2);
  const [broken, setBroken] = useState<string>();
  return (
    <span
      aria-hidden="true"
      className={classNames(css.avatar, shape === "square" && css.square, className)}
      style={{ inlineSize: `${size / 16}rem`, blockSize: `${size / 16}rem`, fontSize: `${size / 16 * 0.38}rem`, background: `var(--avatar-${colourOf(id)})` }}
    >
      {url && url !== broken ? <img src={url} alt="" className={css.picture} onError={() => setBroken(url)} /> : <span className={css.letters} data-letters={initials(name)} />}
    </span>
  );
});
