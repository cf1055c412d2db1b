"""The wire: ABIs, the call codec and the chain reader, and three plain files everyone may use."""
