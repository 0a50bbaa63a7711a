// Package rest asks web services for JSON and for mail, over HTTPS: what Graph
// and Gmail have in common.
//
// # What keeps tokens and houses safe
//
// A token goes to one server, that of the configuration. No other scheme than
// https is spoken, no redirect followed, and no link of an answer that points to
// another server, port or tree: whoever could write such a link (a proxy, a
// service that was taken over, a message that is shown in an answer) would have
// the token, or make this program ask inside the house's own network. Only GET is
// sent. Answers have limits of size and of silence, and one that ends early is never taken for a whole one.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
)

const (
	maxLink  = 16 << 10
	maxError = 64 << 10 // of an answer that says what is wrong
	// maxPatience is up to how long is waited in place before a request is sent again. What lasts longer is
	// Watch's to wait for, so that other mailboxes are read meanwhile.
	maxPatience = 10 * time.Second
)

// Options say which service is asked, and how.
type Options struct {
	Base    string        // below which everything lies that is asked for: "https://graph.microsoft.com/v1.0"
	CAFile  string        // certificates (PEM) that are trusted instead of the system's
	Timeout time.Duration // how long the server may say nothing when it should
	Limiter *remote.Limiter
	// Attempts is how often one request is sent before its failure is told. Default 3.
	Attempts int
	// MaxAnswer bounds an answer in JSON. Default 16 MiB.
	MaxAnswer int64
	// Explain says what is to be done about an error that the service has put into words; nil: nothing special.
	Explain func(*Error) *remote.Failure
}

// Client asks one service. It is safe for many goroutines.
type Client struct {
	Options
	base *url.URL
	http *http.Client
}

// New makes a Client. It connects when it is first asked.
func New(o Options) (*Client, error) {
	base, err := Endpoint(o.Base)
	if err != nil {
		return nil, err
	}
	o.Attempts, o.MaxAnswer = max(o.Attempts, 0), max(o.MaxAnswer, 0)
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = 16 << 20
	}
	h, err := HTTP(o.CAFile, o.Timeout)
	if err != nil {
		return nil, err
	}
	return &Client{Options: o, base: base, http: h}, nil
}

// Endpoint reads the address of a service, which must be https and nothing but a place.
func Endpoint(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https":
		return nil, fmt.Errorf("%q is no address of a service; want https://host/path", address)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("%q: want https://host/path, without user, ? and #", u.Redacted())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// HTTP makes a client of HTTP that follows no redirect and keeps no cookies.
func HTTP(caFile string, timeout time.Duration) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		raw, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("ca_file %s holds no certificate in PEM", caFile)
		}
	}
	dialer := &net.Dialer{Timeout: min(timeout, 30*time.Second), KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: timeout,
			ResponseHeaderTimeout: timeout, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 256 << 10,
			ForceAttemptHTTP2: true, DisableCompression: true, // what is counted is what came
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// JSON asks for something and decodes it. link is a path below Base, or a link of an earlier answer.
func (c *Client) JSON(ctx context.Context, tokens *Tokens, link string, header http.Header, into any) error {
	raw, whole, err := c.get(ctx, tokens, link, header, c.MaxAnswer)
	switch {
	case err != nil:
		return err
	case !whole:
		return &TooLargeError{c.MaxAnswer}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return remote.Fail(remote.Temporary, "is it the right server?", "the answer is not what was asked for: %w", err)
	}
	return nil
}

// Bytes asks for something and returns up to limit bytes of it, and whether that is all.
func (c *Client) Bytes(ctx context.Context, tokens *Tokens, link string, header http.Header, limit int64) (raw []byte, whole bool, err error) {
	return c.get(ctx, tokens, link, header, limit)
}

// TooLargeError says that an answer was given up.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes, and was not read", e.Limit)
}

// get asks, and asks again where that may help soon.
func (c *Client) get(ctx context.Context, tokens *Tokens, link string, header http.Header, limit int64) ([]byte, bool, error) {
	target, err := c.Link(link)
	if err != nil {
		return nil, false, err
	}
	var backoff remote.Backoff
	for n := 1; ; n++ {
		raw, whole, err := c.authorized(ctx, tokens, target, header, limit)
		if err == nil || ctx.Err() != nil {
			return raw, whole, err
		}
		f := remote.Failures(err)[0]
		if n >= c.Attempts || f.Kind > remote.Throttled {
			return nil, false, err
		}
		again := backoff.Next(f)
		if again > maxPatience {
			return nil, false, err
		}
		if remote.Sleep(ctx, again) != nil {
			return nil, false, errors.Join(err, ctx.Err())
		}
	}
}

// Link makes an address of a path below Base, or checks a link.
func (c *Client) Link(link string) (string, error) {
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		return c.base.String() + link, nil
	}
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink {
		return "", remote.Fail(remote.Permanent, "it is not followed", "an answer of %s has a link that is none", c.base.Host)
	}
	switch {
	case u.Scheme != "https", u.User != nil, !strings.EqualFold(hostOf(u), hostOf(c.base)):
		return "", remote.Fail(remote.Permanent, "it is not followed, for the token would go there; find out who stands between", "an answer of %s points to another server, %.100q", c.base.Host, u.Scheme+"://"+u.Host)
	case !strings.HasPrefix(path.Clean(u.Path)+"/", c.base.Path+"/"), u.Fragment != "":
		return "", remote.Fail(remote.Permanent, "it is not followed", "an answer of %s points out of %s", c.base.Host, c.base)
	}
	return u.String(), nil
}

func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// authorized asks with a token; with a new one if the first is refused.
func (c *Client) authorized(ctx context.Context, tokens *Tokens, target string, header http.Header, limit int64) ([]byte, bool, error) {
	token, err := tokens.current(ctx)
	if err != nil {
		return nil, false, err
	}
	raw, whole, err := c.once(ctx, token, target, header, limit)
	var said *Error
	if !errors.As(err, &said) || said.Status != http.StatusUnauthorized {
		return raw, whole, err
	}
	if token, err = tokens.instead(ctx, token); err != nil {
		return nil, false, err
	}
	return c.once(ctx, token, target, header, limit)
}

// Tokens gives the tokens of one mailbox to many goroutines: however many of them are refused at
// once, one asks for a new token.
type Tokens struct {
	Source remote.TokenSource
	mu     sync.Mutex
}

func (t *Tokens) current(ctx context.Context) (string, error) { return t.Source.Token(ctx, false) }

// instead gives a token other than the one that was refused.
func (t *Tokens) instead(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if token, err := t.Source.Token(ctx, false); err != nil || token != refused {
		return token, err
	}
	return t.Source.Token(ctx, true)
}

// once sends one request.
func (c *Client) once(ctx context.Context, token, target string, header http.Header, limit int64) (raw []byte, whole bool, err error) {
	if err := c.Limiter.Wait(ctx); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.Timeout, func() { cancel(errSilent) })
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, false, remote.Fail(remote.Permanent, "", "a link that cannot be asked for")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("User-Agent", "portcullis")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, false, c.network(ctx, err)
	}
	defer response.Body.Close()
	body := &attentive{response.Body, watchdog, c.Timeout}
	if response.StatusCode != http.StatusOK {
		return nil, false, c.refused(response, body, token)
	}
	if response.ContentLength < 0 && response.ProtoMajor < 2 && len(response.TransferEncoding) == 0 {
		return nil, false, remote.Fail(remote.Permanent, "is something between that changes answers?", "the server does not say where its answer ends, so a lost connection could not be told from its end")
	}
	raw, err = readUpTo(body, limit+1, response.ContentLength)
	if err == nil { // a server that hears us hang up may still end its answer in good order
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, false, c.network(ctx, err)
	}
	whole = int64(len(raw)) <= limit
	return raw[:min(int64(len(raw)), limit)], whole, nil
}

var errSilent = errors.New("the server has said nothing for too long although it was asked")

// attentive puts off the watchdog with whatever comes.
type attentive struct {
	io.Reader
	watchdog *time.Timer
	timeout  time.Duration
}

func (a *attentive) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.watchdog.Reset(a.timeout)
	}
	return n, err
}

func readUpTo(r io.Reader, limit, announced int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(announced, 0), limit, 4<<20)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r, limit))
	return b.Bytes(), err
}
