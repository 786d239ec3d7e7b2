// Errors of this project: a stable code for machines, a sentence with the remedy for people, the cause kept.

export class Failure<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.code = code;
  }
}
