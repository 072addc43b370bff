// A form sends no fragment; a redirect keeps that of the address that the form is sent to.
document.querySelector('form').action += window.location.hash;
