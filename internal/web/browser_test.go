package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/testenv"
)

// TestInBrowser shows every page to a real browser: see browser/run.mjs for what
// it fails on. PORTCULLIS_SCREENSHOTS names a folder for pictures of the pages,
// PORTCULLIS_BROWSER_ONLY narrows what is looked at.
func TestInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes minutes")
	}
	chromium, node := testenv.Browser(t, "browser")
	const few = 16 // rows of a list: axe looks at each, and the next hundred are made alike
	plain := &fakeDesk{few: few}
	type desk struct {
		URL     string `json:"url"`
		Control string `json:"control"`
		From    int    `json:"from"` // of the four ways in run.mjs
		To      int    `json:"to"`
		Page    string `json:"page,omitempty"` // this one only
	}
	desks := map[string]desk{}
	for name, f := range map[string]*fakeDesk{"plain": plain, "hostile": {hostile: true, few: few}, "empty": {empty: true}, "huge": {huge: true}} {
		url, cut := serveDesk(t, f)
		control := httptest.NewServer(controls(f, cut))
		t.Cleanup(control.Close)
		desks[name] = desk{URL: url, Control: control.URL, From: 0, To: 2} // colours change no layout: the plain desk is seen in the other two
		switch name {
		case "plain":
			desks[name] = desk{URL: url, Control: control.URL, From: 2, To: 4}
		case "empty":
			desks[name] = desk{URL: url, Control: control.URL, From: 1, To: 2}
		case "huge":
			desks[name] = desk{URL: url, Control: control.URL, From: 0, To: 1, Page: "campaign"}
		}
	}
	type onePage struct {
		Name string `json:"name"`
		Path string `json:"path"`
		As   string `json:"as"`
		// Form is filled in and sent at Path, and the page is what answers it.
		Form map[string]string `json:"form,omitempty"`
	}
	var pages []onePage
	for _, p := range everyPage {
		pages = append(pages, onePage{Name: p.name, Path: p.path, As: p.as})
	}
	for _, p := range everyAnswer {
		pages = append(pages, onePage{Name: p.name, Path: p.path, Form: p.form})
	}
	job, err := json.Marshal(map[string]any{"browser": chromium, "screenshots": os.Getenv("PORTCULLIS_SCREENSHOTS"), "only": os.Getenv("PORTCULLIS_BROWSER_ONLY"), "desks": desks, "pages": pages})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "run.mjs")
	var out, bad bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "browser", bytes.NewReader(job), &out, &bad
	if os.Getenv("PORTCULLIS_SCREENSHOTS") != "" {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("browser/run.mjs: %v\n%s\n%s", err, out.String(), bad.String())
	}
	if !strings.Contains(out.String(), "CHECKED ") || strings.Contains(out.String(), "CHECKED 0") {
		t.Errorf("the browser looked at nothing:\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if text, ok := strings.CutPrefix(line, "COMPLAINT "); ok {
			t.Error(strings.TrimSpace(text))
		} else {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// serveDesk serves a desk on the loopback; cut breaks the connections that are open.
func serveDesk(t *testing.T, f *fakeDesk) (url string, cut func()) {
	t.Helper()
	srv := httptest.NewUnstartedServer(newDesk(t, f))
	open := make(chan net.Conn, 4096)
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			select {
			case open <- c:
			default:
			}
		}
	}
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL, func() {
		for {
			select {
			case c := <-open:
				_ = c.Close()
			default:
				return
			}
		}
	}
}

// controls lets the browser's script make things happen behind the desk.
func controls(f *fakeDesk, cut func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /conflict", func(http.ResponseWriter, *http.Request) {
		f.fail(&ConflictError{By: "Chiara Marchetti", When: fakeNow.Add(-time.Minute), What: "split it"})
	})
	mux.HandleFunc("POST /merged", func(_ http.ResponseWriter, r *http.Request) { f.mergeAway(portcullis.ID(r.FormValue("id"))) })
	mux.HandleFunc("POST /cut", func(http.ResponseWriter, *http.Request) { cut() })
	return mux
}
