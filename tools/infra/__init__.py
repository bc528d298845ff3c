"""Checks the templates in infra/ without Azure and without the Bicep compiler."""
