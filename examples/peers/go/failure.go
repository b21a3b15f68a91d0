package main

import (
	"errors"
	"fmt"
)

// Failure is something that the caller is told, with a code of docs/errors.md.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

func fail(code, format string, args ...any) error {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

func codeOf(err error) string {
	var failure *Failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failure):
		return failure.Code
	default:
		return "internal"
	}
}
