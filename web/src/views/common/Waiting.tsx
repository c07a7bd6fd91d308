import { classNames } from "./class_names";
import css from "./Waiting.module.css";

/** A turning wheel never stands alone: the sentence says what is being waited for. */
export function Waiting({ sentence, inline }: { readonly sentence: string; readonly inline?: boolean }) {
  return (
    <div className={classNames(css.waiting, inline && css.inline)} role="status">
      <span className={css.wheel} aria-hidden="true" />
      <span>{sentence}</span>
    </div>
  );
}
