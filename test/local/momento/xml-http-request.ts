// As much of a browser's XMLHttpRequest as the web SDK needs, over node:http. The packages that offer
// one hand the text out only when all of it is there: a subscription would stay silent until its end.

import { type ClientRequest, type IncomingMessage, request } from 'node:http';

export class XMLHttpRequestOfNode {
  readyState = 0;
  status = 0;
  statusText = '';
  responseText = '';
  responseType = '';
  withCredentials = false;
  timeout = 0;
  onreadystatechange: (() => void) | null = null;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;

  get response(): string {
    return this.responseText;
  }

  open(method: string, url: string): void {
    this.#request = request(url, { method });
    this.#become(1);
  }

  setRequestHeader(name: string, value: string): void {
    this.#request?.setHeader(name, value);
  }

  getResponseHeader(name: string): string | null {
    return this.#response?.headersDistinct[name.toLowerCase()]?.join(', ') ?? null;
  }

  getAllResponseHeaders(): string {
    return Object.entries(this.#response?.headersDistinct ?? {})
      .map(([name, values]) => `${name}: ${values?.join(', ')}\r\n`)
      .join('');
  }

  send(body?: string): void {
    this.#request?.on('response', (response) => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      this.#become(2);
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        this.responseText += text;
        this.#become(3);
      });
      response.on('end', () => this.#become(4));
      response.on('error', () => this.#fail());
    });
    this.#request?.on('error', () => this.#fail());
    this.#request?.end(body);
  }

  abort(): void {
    this.onreadystatechange = null;
    this.#request?.destroy();
  }

  #fail(): void {
    this.status = 0;
    this.#become(4);
  }

  #become(state: number): void {
    if (this.readyState === 4) return;
    this.readyState = state;
    this.onreadystatechange?.();
  }
}
