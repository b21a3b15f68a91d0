/** Names of images as Docker has them: a registry, lower-case segments, a tag, a digest. */
const REFERENCE =
  /^([a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?$/;
const ID = /^sha256:[0-9a-f]{64}$/;

/** Whether an image can have such a name, or it is the id of one. */
export function isReference(text: string): boolean {
  return REFERENCE.test(text) || ID.test(text);
}
