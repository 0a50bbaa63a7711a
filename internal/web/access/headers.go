package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// policy is the content security policy: nothing inline, nothing from elsewhere, no
// frames, and no string becomes script by way of the DOM (Trusted Types, of which none may
// be made). Pages of attackers' text stand behind it; html/template is the first wall and
// this the second.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// setHeaders are on every answer. What is mounted behind may set its own.
//
// The referrer policy is same-origin and not no-referrer: under the latter browsers send
// "Origin: null" with our own forms (Fetch, "append a request Origin header"), and the check
// of the origin would refuse them where Fetch metadata is missing.
func setHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	h.Set("Permissions-Policy", "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// hosts are the names under which the desk answers, as the Host header has them.
func hosts(c Config, public *url.URL) []string {
	list := []string{strings.ToLower(public.Host)}
	for _, h := range c.Hosts {
		list = append(list, strings.ToLower(h))
	}
	if i := strings.LastIndexByte(c.Listen, ':'); i >= 0 && loopbackHost(hostOf(c.Listen)) {
		port := c.Listen[i:]
		list = append(list, "127.0.0.1"+port, "localhost"+port, "[::1]"+port)
	}
	return list
}

// knownHost tells whether the request was meant for us. Without this an attacker's page
// can give its own name our address (DNS rebinding) and then be of our origin.
func knownHost(r *http.Request, hosts []string) bool {
	return slices.Contains(hosts, strings.ToLower(strings.TrimSuffix(r.Host, ".")))
}

// foreign tells whether another site had the browser load this as part of a page. Plain
// links are let through: without the session they lead to signing in. (Fetch Metadata,
// "resource isolation policy". Unsafe methods are checked by http.CrossOriginProtection.)
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	navigation := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return r.Method != http.MethodGet && r.Method != http.MethodHead || !navigation
}

// Server is an http.Server with limits on everything that a peer decides: how slowly it
// sends, how large its headers are, how long it stays silent. Who streams lifts the limit
// on writing for that answer, with http.ResponseController.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // a feed of indicators over a slow line
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}
