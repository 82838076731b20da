"""Where header trees and kernel tables come from."""
