"""Our Step Functions within MiniStack: in the place of its module, of its resources in stacks, and on its functions."""
