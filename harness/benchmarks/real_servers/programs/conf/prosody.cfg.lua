run_as_root = true
daemonize = false
data_path = "{folder}"
pidfile = "{folder}/prosody.pid"
certificates = "{folder}"
interfaces = { "127.0.0.1" }
c2s_ports = {}
s2s_ports = {}
http_ports = { {port} }
http_interfaces = { "127.0.0.1" }
https_ports = {}
modules_enabled = { "websocket", "saslauth", "roster" }
modules_disabled = { "s2s" }
consider_websocket_secure = true
authentication = "anonymous"
log = { warn = "*console" }
VirtualHost "localhost"
