"""Stand-ins for the render services: they speak the contracts, really render, and fail on request.

Nothing is imported here, so that ``integrations.local_services.faults`` stays cheap for the command line.
"""
