import { useEffect, useEffectEvent, useState } from "react";

/** What a question brings, asked anew whenever its subject changes. */
export function useLoaded<T>(load: () => Promise<T>, subject: string): T | "loading" | "failed" {
  const [loaded, setLoaded] = useState<{ readonly subject: string; readonly value: T | "failed" }>();
  const ask = useEffectEvent(load);
  useEffect(() => {
    let isHere = true;
    ask().then((value) => isHere && setLoaded({ subject, value }), () => isHere && setLoaded({ subject, value: "failed" }));
    return () => { isHere = false; };
  }, [subject]);
  return loaded?.subject === subject ? loaded.value : "loading";
}
