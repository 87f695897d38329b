"""What a partner courier's engineer reads: pages drawn from the contract the tests hold us to."""
