package settings

import (
	"strings"
	"testing"
	"time"
)

func at(hour int) time.Time {
	return time.Date(2026, 1, 1, hour, 30, 0, 0, time.UTC)
}

func TestHoursAreThoseOfTheRegionAndMayGoPastMidnight(t *testing.T) {
	for _, c := range []struct {
		hours Hours
		hour  int
		open  bool
	}{
		{Hours{8, 18, 1}, 7, true},
		{Hours{8, 18, 1}, 17, false},
		{Hours{22, 6, -6}, 5, true},
		{Hours{22, 6, 0}, 6, false},
	} {
		if c.hours.OpenAt(at(c.hour)) != c.open {
			t.Errorf("%v at %d: want %v", c.hours, c.hour, c.open)
		}
	}
}

func TestSettingsThatAreWrongAreNamed(t *testing.T) {
	_, err := Parse(`{"hidden_from": "guest"}`)
	if err == nil || !strings.HasPrefix(err.Error(), "hidden_from: ") {
		t.Errorf("said %v", err)
	}
}
