export interface Admission {
  /** In nanoseconds of a clock that all processes share. */
  readonly sent: bigint;
  readonly received: bigint;
  readonly cost: number;
}

export function worstWindow(
  admissions: readonly Admission[],
  rate: { readonly tokens: bigint; readonly perNs: bigint },
): bigint;
