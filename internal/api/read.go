package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep JSON may nest. Nothing that is asked for here is deeper
// than a few levels.
const maxDepth = 32

// ReadJSON decodes the request's body, of at most limit bytes, strictly: it must say
// that it is JSON, be one value of valid UTF-8, nest no deeper than 32, have no key the
// type does not know and none twice. Keys that appear twice are refused because readers
// disagree on which one counts (RFC 8259 §4). Whatever it returns is a [Problem].
func ReadJSON(w http.ResponseWriter, r *http.Request, into any, limit int64) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return Problemf(http.StatusUnsupportedMediaType, "Send the body as application/json.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return Problemf(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes.", limit)
	}
	if err != nil {
		return Problemf(http.StatusBadRequest, "The body could not be read to its end.")
	}
	if err := Unmarshal(raw, into); err != nil {
		return Problemf(http.StatusBadRequest, "The body is not what is wanted here: %s.", err)
	}
	return nil
}

// Unmarshal is what [ReadJSON] does with the bytes it has read.
func Unmarshal(raw []byte, into any) error {
	if !utf8.Valid(raw) {
		return errors.New("it is not valid UTF-8")
	}
	if err := checkShape(raw); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// checkShape goes over the tokens once, before anything is built from them.
func checkShape(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty or ends early")
	}
	if err != nil {
		return fmt.Errorf("byte %d: %s", dec.InputOffset(), err)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			if err := checkKey(dec, seen); err != nil {
				return err
			}
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return errors.New("it ends early or a bracket does not match")
	}
	return nil
}

// checkKey folds case, for the decoder matches names without regard to it.
func checkKey(dec *json.Decoder, seen map[string]bool) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("byte %d: %s", dec.InputOffset(), err)
	}
	key, _ := token.(string)
	if folded := strings.ToLower(key); seen[folded] {
		return fmt.Errorf("key %q appears twice", key)
	} else {
		seen[folded] = true
	}
	return nil
}
