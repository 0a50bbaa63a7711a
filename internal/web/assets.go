package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
)

//go:generate go run ./assets/build

// What is built lies in assets/dist, compressed, and is committed: running and
// building the program needs neither Node nor esbuild.
//
//go:embed assets/dist/*.gz
var built embed.FS

// asset is one built file.
type asset struct {
	packed []byte // gzip
	plain  []byte
	kind   string
}

// assets are the built files by the name under which they are served, which
// holds a hash of their content: what has a name never changes.
type assets struct {
	byPath map[string]asset
	byName map[string]string // "desk.js" to its path
}

func loadAssets() (assets, error) {
	a := assets{map[string]asset{}, map[string]string{}}
	files, err := built.ReadDir("assets/dist")
	if err != nil {
		return a, err
	}
	for _, f := range files {
		packed, err := built.ReadFile("assets/dist/" + f.Name())
		if err != nil {
			return a, err
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return a, fmt.Errorf("%s: %w", f.Name(), err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			return a, fmt.Errorf("%s: %w", f.Name(), err)
		}
		name := strings.TrimSuffix(f.Name(), ".gz")
		sum := sha256.Sum256(plain)
		ext := path.Ext(name)
		where := AssetPath + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byPath[where], a.byName[name] = asset{packed, plain, contentType(ext)}, where
	}
	return a, nil
}

func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

// path is where a built file is served; a name that does not exist is a mistake
// in a template and ends in an error there.
func (a assets) path(name string) (string, error) {
	if p, ok := a.byName[name]; ok {
		return p, nil
	}
	return "", fmt.Errorf("there is no asset %q; run go generate ./internal/web", name)
}

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	body := f.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
