package lists

import (
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// sdn.csv cuts its last field off after 1,000 characters, in the middle of a word, and
// sdn_comments.csv goes on where it stopped. A remark that may have been cut waits until
// all files were read.
type cutRemarks struct {
	begins, rest string
	line         int
	file         string
}

// maxOFACRemark is how long a remark of sdn.csv may be.
const maxOFACRemark = 1000

// ofacComment takes a row of sdn_comments.csv.
func (b *builder) ofacComment(e *screening.Entity, text string, line int) {
	c := b.cut[e.ID]
	c.rest += text
	if c.line == 0 {
		c.line, c.file = line, b.fileName
	}
	b.cut[e.ID] = c
}

// ofacRemark reads the remark of an entry, or keeps it for its rest.
func (b *builder) ofacRemark(e *screening.Entity, text string, line int) {
	if _, goesOn := b.cut[e.ID]; !goesOn && len(text) < maxOFACRemark {
		b.ofacRemarks(e, text, line)
		b.remark(e, text)
		return
	}
	c := b.cut[e.ID]
	c.begins, c.line, c.file = text, line, b.fileName
	b.cut[e.ID] = c
}

// finishRemarks puts remarks together that were cut.
func (b *builder) finishRemarks() {
	was := b.fileName
	defer func() { b.fileName = was }()
	for _, e := range b.order {
		c, ok := b.cut[e.ID]
		if !ok {
			continue
		}
		b.fileName = c.file
		if c.rest == "" && !strings.HasSuffix(c.begins, ".") {
			b.note(e, c.line, "the publisher cuts its remarks off at %d characters; birth dates, numbers and weak aliases may stand in sdn_comments.csv, which was not given", maxOFACRemark)
		}
		b.ofacRemarks(e, c.begins+c.rest, c.line)
		b.remark(e, c.begins+c.rest)
	}
}
