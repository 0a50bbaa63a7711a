package mail

import (
	"bytes"

	"portcullis.example/portcullis"
)

// headerLine is the From field of a raw message, for a failed test's message.
func headerLine(raw []byte) string {
	i := bytes.Index(raw, []byte("\nFrom:"))
	if i < 0 {
		return ""
	}
	line, _, _ := bytes.Cut(raw[i+1:], []byte("\n"))
	return string(bytes.TrimSpace(line))
}

func summaries(v portcullis.Verdict) (list []string) {
	for _, f := range v.Findings {
		list = append(list, f.Rule+" "+f.Summary)
	}
	return list
}
