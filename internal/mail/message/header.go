package message

import (
	"errors"
	"time"
)

// Get returns the first field of the name, not decoded; "" if there is none.
func (h Header) Get(name string) string {
	for i := range h {
		if equalFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// All returns every field of the name, in order.
func (h Header) All(name string) (fields []Field) {
	for i := range h {
		if equalFold(h[i].Name, name) {
			fields = append(fields, h[i])
		}
	}
	return fields
}

// Decoded returns the first field of the name with its encoded words decoded.
func (h Header) Decoded(name string) string { return DecodeWords(h.Get(name)) }

// Addresses returns the mailboxes of every field of the name, groups opened.
func (h Header) Addresses(name string) (all []Address) {
	for i := range h {
		if !equalFold(h[i].Name, name) {
			continue
		}
		list := ParseAddresses(h[i].Value)
		for j := range list {
			list[j].Start, list[j].End = h[i].Start, h[i].End
		}
		if all == nil {
			all = list
		} else {
			all = append(all, list...)
		}
	}
	return all
}

// Date reads the Date field.
func (h Header) Date() (time.Time, error) {
	value := h.Get("Date")
	if value == "" {
		return time.Time{}, errors.New("the message has no Date field")
	}
	return ParseDate(value)
}
