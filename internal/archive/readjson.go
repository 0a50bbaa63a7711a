package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSON reads one document, or several one after another, of MISP or STIX.
func (l *list) readJSON(r *bufio.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read indicators from %s: %w", l.file, err)
	}
	if len(raw) > maxIndicatorFile {
		return fmt.Errorf("%s is larger than %d MiB: is it the right file? Split it otherwise", l.file, maxIndicatorFile>>20)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	d := json.NewDecoder(bytes.NewReader(raw))
	for number := 0; ; number++ {
		var doc json.RawMessage
		begin := d.InputOffset()
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return l.badJSON(raw, max(begin, d.InputOffset()), err)
		}
		path := ""
		if number > 0 {
			path = fmt.Sprintf("document %d ", number+1)
		}
		l.document(doc, path)
	}
}

func (l *list) badJSON(raw []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset += syntax.Offset
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		offset = int64(len(raw))
	}
	offset = min(max(offset, 0), int64(len(raw)))
	line := 1 + bytes.Count(raw[:offset], []byte("\n"))
	return fmt.Errorf("%s:%d: not JSON: %w; the file is cut off or damaged, fetch it again", l.file, line, err)
}

// document is any of what MISP and STIX files hold at the top.
type document struct {
	// STIX
	Type    string            `json:"type"`
	Objects []json.RawMessage `json:"objects"`
	Pattern *string           `json:"pattern"`
	// MISP
	Event     *mispEvent      `json:"Event"`
	Attribute json.RawMessage `json:"Attribute"` // a list, or one
	Response  json.RawMessage `json:"response"`
	Value     *string         `json:"value"`
}

func (l *list) document(raw json.RawMessage, path string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '[' {
		l.array(raw, path)
		return
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		l.problem(Problem{Path: path, Message: fmt.Sprintf("neither MISP nor STIX: %v", err), Remedy: "export the file again"})
		return
	}
	switch {
	case d.Event != nil:
		l.mispEvent(d.Event, path+"Event")
	case len(d.Response) > 0:
		l.document(d.Response, path+"response ")
	case len(d.Attribute) > 0:
		l.mispAttributes(d.Attribute, path+"Attribute")
	case d.Type == "bundle" || d.Objects != nil:
		l.stixObjects(d.Objects, path+"objects")
	case d.Pattern != nil || d.Type == "indicator":
		l.stixObjects([]json.RawMessage{raw}, path)
	case d.Value != nil && d.Type != "":
		l.mispAttributes(raw, path)
	case stixTypes[d.Type]:
		l.stixObjects([]json.RawMessage{raw}, path)
	default:
		l.problem(Problem{Path: path, Message: "neither a MISP event or attribute nor a STIX bundle or indicator", Remedy: "export the file in one of these formats"})
	}
}

// array reads a list of events, attributes, or STIX objects. STIX objects are read together:
// markings and sources stand in some for the others.
func (l *list) array(raw json.RawMessage, path string) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		l.problem(Problem{Path: path, Message: err.Error(), Remedy: "export the file again"})
		return
	}
	var stix []json.RawMessage
	for i, item := range items {
		var head struct{ ID, Type string }
		if json.Unmarshal(item, &head) == nil && stixTypes[head.Type] && head.ID != "" {
			stix = append(stix, item)
			continue
		}
		if item = bytes.TrimSpace(item); len(item) > 0 && item[0] == '[' {
			l.problem(Problem{Path: fmt.Sprintf("%s[%d]", path, i), Message: "a list within a list", Remedy: "export the file again"})
			continue
		}
		l.document(item, fmt.Sprintf("%s[%d].", path, i))
	}
	if stix != nil {
		l.stixObjects(stix, path)
	}
}
