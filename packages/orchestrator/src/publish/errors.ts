/**
 * Why something can't be published. `final`: it lies in what the run made, so the same run can never be published, such as
 * other bytes under a version that is out already. Otherwise the machine is at fault, and a later try may succeed.
 */
export class PublishError extends Error {
  override name = 'PublishError';
  readonly final: boolean;

  constructor(message: string, options: { final: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.final = options.final;
  }
}
