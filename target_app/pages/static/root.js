// The path under which this server is mounted on its host: "", or a path such as "/below". This script is in its /static/.

const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1);

// The path on this host of a path of the server.
export const at = (path) => ROOT + path;
