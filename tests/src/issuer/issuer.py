"""An issuer of JSON Web Tokens by joserfc, a library that has nothing in common
with what is tested: it signs what it is asked to sign, serves its JWK Set, and
fails, stalls or rotates when told to.

It prints its address and ends with its standard input. Given a certificate of
localhost and its key, it serves over TLS too, and prints that address below.
"""

import base64
import hmac
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

MAKE = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "RS384": lambda kid: RSAKey.generate_key(3072, {"kid": kid}),
    "RS512": lambda kid: RSAKey.generate_key(4096, {"kid": kid}),
    "PS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "PS384": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "PS512": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "ES384": lambda kid: ECKey.generate_key("P-384", {"kid": kid}),
    "ES512": lambda kid: ECKey.generate_key("P-521", {"kid": kid}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
    "Ed25519": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


def encode(part):
    part = part if isinstance(part, bytes) else part.encode()
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Issuer:
    def __init__(self):
        self.keys = {}
        self.published = []
        self.behaviour = "serve"
        self.hits = {"jwks": 0, "discovery": 0}

    def key(self, kid, algorithm):
        """The key of that name, made when it is first asked for."""
        if kid not in self.keys:
            self.keys[kid] = MAKE[algorithm](kid)
        return self.keys[kid]

    def jwks(self):
        return KeySet([self.keys[kid] for kid in self.published]).as_dict(private=False)

    def sign(self, asked):
        header, claims = asked["header"], json.dumps(asked["claims"])
        algorithm = header["alg"]
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        if "secret_of" in asked:
            # Key confusion, by hand since the library refuses: the public key taken
            # for the secret of an HMAC.
            secret = self.keys[asked["secret_of"]].as_pem(private=False)
            signed = f"{encode(json.dumps(header))}.{encode(claims)}"
            return f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"
        return jws.serialize_compact(header, claims, self.key(asked["kid"], algorithm), registry=registry)


ISSUER = Issuer()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        url = f"{scheme}://{self.headers['host']}"
        documents = {
            "/.well-known/openid-configuration": ("discovery", lambda: {"issuer": url, "jwks_uri": f"{url}/keys"}),
            "/keys": ("jwks", ISSUER.jwks),
        }
        if self.path not in documents:
            return self.answer(404, {})
        name, document = documents[self.path]
        ISSUER.hits[name] += 1
        if ISSUER.behaviour == "fail":
            return self.answer(503, {})
        if ISSUER.behaviour == "stall":
            time.sleep(20)
            return None
        return self.answer(200, document())

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/sign":
            return self.answer(200, ISSUER.sign(asked).encode())
        if self.path == "/publish":
            for kid, algorithm in asked:
                ISSUER.key(kid, algorithm)
            ISSUER.published = [kid for kid, _ in asked]
        elif self.path == "/behave":
            ISSUER.behaviour = asked
        return self.answer(200, ISSUER.hits)


def serve():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server


def main():
    servers = {"http://127.0.0.1": serve()}
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[1:])
        over_tls = servers["https://localhost"] = serve()
        over_tls.socket = context.wrap_socket(over_tls.socket, server_side=True)
    for origin, server in servers.items():
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{origin}:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
