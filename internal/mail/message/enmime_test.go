package message

import (
	"bytes"
	"fmt"

	"github.com/jhillyerd/enmime/v2"
)

// enmimeView is what enmime makes of a message: an oracle that reads leniently
// and has met a lot of real mail.
func enmimeView(raw []byte) (v view, err error) {
	parser := enmime.NewParser(enmime.SkipMalformedParts(false), enmime.MaxStoredPartErrors(10))
	root, err := parser.ReadParts(bytes.NewReader(raw))
	if err != nil {
		return v, fmt.Errorf("read parts: %w", err)
	}
	root.DepthMatchAll(func(p *enmime.Part) bool {
		if p.FirstChild == nil {
			v.add(p.ContentType, p.FileName, func() string { return string(p.Content) })
		}
		return false
	})
	return v, nil
}
