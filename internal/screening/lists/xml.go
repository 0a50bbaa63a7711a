package lists

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// newXML is a strict decoder that reads the encodings lists are written in. Entities
// of a document type are not expanded, encoding/xml knows none.
func newXML(in io.Reader) *xml.Decoder {
	d := xml.NewDecoder(in)
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		from, err := charset(name)
		if err != nil || from == nil {
			return in, err
		}
		return from.NewDecoder().Reader(in), nil
	}
	return d
}

// element is where a reader stands: a start element, which it may decode.
type element struct {
	xml.StartElement
	d       *xml.Decoder
	line    int
	decoded bool
}

func (e *element) decode(into any) error {
	e.decoded = true
	return e.d.DecodeElement(into, &e.StartElement)
}

func (e *element) attr(name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// eachElement calls fn for each start element. What fn decodes is passed over; into what
// it does not, the walk goes on. A document that ends early is refused.
func eachElement(in io.Reader, fn func(e *element) error) error {
	d := newXML(in)
	depth, began := 0, false
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		switch {
		case errors.Is(err, io.EOF) && began && depth == 0:
			return nil
		case err != nil:
			return xmlError(err, line)
		}
		switch t := t.(type) {
		case xml.StartElement:
			began = true
			e := &element{StartElement: t, d: d, line: line}
			if err := fn(e); err != nil {
				return xmlError(err, line)
			}
			if !e.decoded {
				depth++
			}
		case xml.EndElement:
			depth--
		}
	}
}

// xmlError turns what the decoder says into a refusal with its line.
func xmlError(err error, line int) error {
	var syntax *xml.SyntaxError
	var refused *RefusedError
	switch {
	case errors.As(err, &refused), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &syntax):
		if syntax.Msg == "unexpected EOF" {
			return refuse(syntax.Line, "the file ends here, in the middle: it was cut off")
		}
		if strings.Contains(syntax.Msg, "UTF-8") {
			return refuse(syntax.Line, "it is not UTF-8 here, as the file says or means it is; say --encoding iso-8859-1, or whatever it is")
		}
		return refuse(syntax.Line, "it is not well-formed XML: %s", syntax.Msg)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refuse(line, "the file ends here, in the middle: it was cut off")
	}
	return refuse(line, "it cannot be read as XML: %v", err)
}
